// Times as people read them.

const relative = new Intl.RelativeTimeFormat("en", { style: "narrow", numeric: "auto" });
const day = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const dated = new Intl.DateTimeFormat("en", { day: "numeric", month: "short", year: "numeric" });
const whole = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Say how long ago it was, or on which day. */
export function ago(iso, now = Date.now()) {
  const at = new Date(iso);
  const seconds = Math.max(0, (now - at.getTime()) / 1000);
  if (seconds < MINUTE) return "now";
  if (seconds < HOUR) return `${Math.floor(seconds / MINUTE)} min`;
  if (seconds < DAY) return `${Math.floor(seconds / HOUR)} h`;
  if (seconds < 7 * DAY) return relative.format(-Math.floor(seconds / DAY), "day");
  return (at.getFullYear() === new Date(now).getFullYear() ? day : dated).format(at);
}

export const exactly = (iso) => whole.format(new Date(iso));
export const onDay = (iso) => dated.format(new Date(iso));

const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
export const count = (number) => (number ? short.format(number) : "");
