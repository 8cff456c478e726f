// How long a text is (docs/reference/text.md), and what in it is a link.
//
// The server has the last word: bare domains are counted here by common endings and those of
// countries, where it has the whole list.

import { h, link } from "./dom.js";

export const MOST = 280;
const URL_WEIGHT = 23;
const LIGHT = [[0x0000, 0x10ff], [0x2000, 0x200d], [0x2010, 0x201f], [0x2032, 0x2037]];
const COMMON = new Set("com org net edu gov info io dev app biz name pro xyz online site blog page".split(" "));
const countries = new Intl.DisplayNames("en", { type: "region", fallback: "none" });
const WITH_PROTOCOL = /(?<![A-Za-z0-9@#$])https?:\/\/[^\s<>"]*[A-Za-z0-9=_#/+\-)]/giu;
const BARE = /(?<![A-Za-z0-9@#$\-_./])(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+([a-z]{2,})(?![A-Za-z0-9@+-])(?:\/[^\s<>"]*[A-Za-z0-9=_#/+\-)]|\/)?/giu;
/** Whether a text mentions anybody, about as the server finds it. */
export const MENTION = /(?<![A-Za-z0-9_!@#$%&*])[@＠][A-Za-z0-9_]{1,15}(?![A-Za-z0-9_@＠])/;
const EMOJI = makeEmoji();

function makeEmoji() {
  try {
    return new RegExp("\\p{RGI_Emoji}", "gv");
  } catch {
    return /\p{Extended_Pictographic}(?:\ufe0f|\u200d\p{Extended_Pictographic}|[\u{1f3fb}-\u{1f3ff}])*/gu;
  }
}

const isEnding = (ending) => {
  const it = ending.toLowerCase();
  return COMMON.has(it) || it === "uk" || it === "eu" || (it.length === 2 && countries.of(it.toUpperCase()) !== undefined);
};

/** Give the parentheses at the end that belong to the text around a URL. */
function outsideOf(url) {
  let end = url.length;
  const count = (sign) => url.slice(0, end).split(sign).length - 1;
  while (url[end - 1] === ")" && count(")") > count("(")) end -= 1;
  return url.slice(end);
}

/** Give the weighted length: 280 is the most. */
export function weightedLength(text) {
  let length = 0;
  let rest = text.normalize("NFC").replace(/\r\n?/g, "\n");
  const weigh = (weight) => {
    length += weight;
    return "";
  };
  rest = rest.replace(WITH_PROTOCOL, (found) => weigh(URL_WEIGHT) + outsideOf(found));
  rest = rest.replace(BARE, (found, ending) => (isEnding(ending) ? weigh(URL_WEIGHT) + outsideOf(found) : found));
  // Digits and signs are emoji by Unicode's list only with what makes them a keycap.
  rest = rest.replace(EMOJI, () => weigh(2));
  for (const one of rest) {
    const code = one.codePointAt(0);
    length += LIGHT.some(([from, to]) => code >= from && code <= to) ? 1 : 2;
  }
  return length;
}

/** Give a tweet's text as nodes, with its entities as links; offsets are code points. */
export function richText(text, entities = {}) {
  const points = Array.from(text);
  const all = [
    ...(entities.mentions ?? []).map((one) => [one, (shown) => link(`/@${one.username}`, {}, shown)]),
    ...(entities.hashtags ?? []).map((one) => [one, (shown) => searchLink(`#${one.tag}`, shown)]),
    ...(entities.cashtags ?? []).map((one) => [one, (shown) => searchLink(`$${one.tag}`, shown)]),
    ...(entities.urls ?? []).map((one) => [one, (shown) => outside(one.url, shown)]),
  ].sort(([a], [b]) => a.start - b.start);
  const nodes = [];
  let at = 0;
  for (const [{ start, end }, made] of all) {
    if (start < at || end > points.length) continue; // not of this text
    nodes.push(points.slice(at, start).join(""), made(points.slice(start, end).join("")));
    at = end;
  }
  nodes.push(points.slice(at).join(""));
  return nodes.filter((node) => node !== "");
}

const searchLink = (query, shown) => link(`/search?q=${encodeURIComponent(query)}`, {}, shown);

function outside(url, shown) {
  const whole = /^https?:\/\//i.test(url) ? url : `https://${url}`;
  const found = URL.parse?.(whole) ?? safe(whole);
  if (!found || !["http:", "https:"].includes(found.protocol)) return shown;
  const short = shown.replace(/^https?:\/\/(www\.)?/i, "");
  return h(
    "a",
    { href: found.href, target: "_blank", rel: "noopener noreferrer nofollow ugc", title: shown },
    short.length > 40 ? `${short.slice(0, 39)}…` : short,
  );
}

function safe(text) {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
