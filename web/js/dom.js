// Elements are made here and nowhere from markup: what users write only ever becomes text.

/**
 * Make an element. `properties` are attributes; `on…` are listeners, `data` is a map of data
 * attributes, and what is null, undefined or false is left out. Children are elements or text.
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") mark(element, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// What is left out is no attribute: `null` would be the text "null".
function mark(element, data) {
  for (const [name, value] of Object.entries(data)) {
    if (value !== null && value !== undefined) element.dataset[name] = value;
  }
}

const SVG = "http://www.w3.org/2000/svg";

// Lines of 24 by 24, drawn by the colour of the text around them.
const PATHS = {
  bird: "M3 15c4 .2 6.300-1.200 7.300-4.700C10.900 8.200 12.300 7 14.200 7c1.200 0 2.200.5 2.800 1.400l2 .3-1.600 1.400c.100 5-3.400 8.900-8.200 8.900-2.700 0-4.900-1.400-6.200-4z",
  home: "M4 11l8-7 8 7v9h-5v-6H9v6H4z",
  search: "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5",
  bell: "M6 10a6 6 0 0 1 12 0c0 6 2 7 2 7H4s2-1 2-7M10 20a2 2 0 0 0 4 0",
  person: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4 21c0-4 3.500-6 8-6s8 2 8 6",
  reply: "M21 11.500a8 8 0 0 1-11.700 7.100L4 20l1.400-4.700A8 8 0 1 1 21 11.500z",
  retweet: "M7 7h8a3 3 0 0 1 3 3v6M17 17H9a3 3 0 0 1-3-3V8M3.500 10.500 6 8l2.500 2.500M15.500 13.500 18 16l2.500-2.500",
  heart: "M12 20s-7.500-4.600-8.800-9.300C2.300 7 4.700 4.500 7.400 4.500c2 0 3.600 1.100 4.600 2.800 1-1.700 2.600-2.800 4.600-2.800 2.700 0 5.100 2.500 4.200 6.200C19.500 15.400 12 20 12 20z",
  quote: "M5 5h14v11h-7l-4 4v-4H5zM9 9.500h6M9 12.500h4",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
  picture: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.500 9.500h.01",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.500 1.500M17.500 17.500 19 19M5 19l1.500-1.500M17.500 6.500 19 5",
  keyboard: "M3 7h18v11H3zM7 11h.01M11 11h.01M15 11h.01M8 14.500h8",
  leave: "M10 4H5v16h5M14 8l4 4-4 4M18 12H9",
  direction: "M4 8h14M14 4l4 4-4 4M20 16H6M10 12l-4 4 4 4",
  close: "M6 6l12 12M18 6 6 18",
  back: "M19 12H5M11 6l-6 6 6 6",
  lock: "M6 11h12v9H6zM8.500 11V8a3.500 3.500 0 0 1 7 0v3",
  globe: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18M3 12h18M12 3c3 2.500 3.800 5.800 3.800 9s-.8 6.500-3.800 9c-3-2.500-3.800-5.800-3.800-9s.8-6.500 3.800-9",
  people: "M9 5a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7M2.500 20c0-3.500 2.800-5.500 6.500-5.500s6.500 2 6.500 5.500M16 5.300a3.500 3.500 0 0 1 0 6.400M18.300 15c2 .7 3.200 2.300 3.200 5",
  at: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M16 8v5.500a2.500 2.500 0 0 0 5 0V12a9 9 0 1 0-3.500 7.100",
  asking: "M10 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M2.500 21c0-4 3.500-6 7.500-6 1.500 0 2.900.3 4 .8M18.500 14v7M15 17.500h7",
  mute: "M4 9.500v5h4l5 4v-13l-5 4zM17 9.500l4.500 5M21.500 9.500l-4.500 5",
  pin: "M9 4h6l-1 6 3.500 3.500h-11L10 10zM12 13.500V21",
  pen: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
};

/** Draw an icon, which says nothing to those who cannot see it. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [key, value] of Object.entries({ viewBox: "0 0 24 24", class: `icon icon-${name}`, "aria-hidden": "true", focusable: "false" })) {
    svg.setAttribute(key, value);
  }
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Say something to everybody, those who hear the page among them; it goes after a while. */
export function say(text, { bad = false } = {}) {
  const toast = h("div", { class: bad ? "toast bad" : "toast" }, text);
  document.getElementById("said").append(toast);
  setTimeout(() => toast.remove(), 6000);
}

/** A link within the client, which the router follows without a load. */
export function link(href, properties, ...children) {
  return h("a", { href, ...properties }, ...children);
}
