// Pictures of tweets: their place is kept in their colour until the bytes are there.

import { api } from "./api.js";
import { h } from "./dom.js";

const BASE83 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz#$%*+,-.:;=?@[]^_{|}~";
const WANTED_PX = 600;

/** A folder's bytes come from this very origin, by whatever name the person has opened it. */
export function onThisOrigin(url) {
  const found = new URL(url, location.href);
  return found.pathname.startsWith("/media/") ? found.pathname + found.search : url;
}

/** Give a BlurHash's mean colour: its third to sixth digits (blurha.sh). */
function meanColour(blurhash) {
  const value = [...(blurhash ?? "").slice(2, 6)].reduce((sum, one) => sum * 83 + BASE83.indexOf(one), 0);
  return value > 0 ? `#${value.toString(16).padStart(6, "0").slice(-6)}` : "";
}

/** Draw the pictures of a tweet. */
export function pictures(refs) {
  return h("div", { class: `pictures of-${Math.min(refs.length, 4)}` }, refs.map(picture));
}

function picture(ref) {
  const place = h("figure", { class: "picture" });
  place.style.setProperty("--ratio", `${ref.width} / ${ref.height}`);
  place.style.backgroundColor = meanColour(ref.blurhash);
  const image = h("img", { alt: ref.alt_text ?? "", width: ref.width, height: ref.height, decoding: "async" });
  // Asked for when it is about to be seen: each has signed addresses of its own, for an hour.
  const seen = new IntersectionObserver(
    async (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      seen.disconnect();
      try {
        const { media } = await api.media(ref.media_id);
        const fitting = media.variants.filter((one) => one.width >= WANTED_PX).at(-1) ?? media.variants[0];
        if (!fitting) return;
        image.src = onThisOrigin(fitting.url);
        place.append(image);
      } catch {
        place.append(h("figcaption", {}, ref.alt_text || "The picture cannot be shown."));
      }
    },
    { rootMargin: "400px" },
  );
  image.addEventListener("error", () => image.replaceWith(h("figcaption", {}, ref.alt_text || "The picture is gone.")));
  seen.observe(place);
  return place;
}
