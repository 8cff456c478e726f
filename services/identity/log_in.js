// Sends the form of the log-in page, and does the work that the edge may ask for before it lets it
// through. Without this script the form works too, but for callers who are asked for that work.
"use strict";
(() => {
  const form = document.querySelector("form");
  const alert = document.querySelector("[role=alert]");
  const buttons = form.querySelectorAll("button");

  const primes = [];
  for (let n = 2; primes.length < 64; n++) {
    if (primes.every((prime) => n % prime)) primes.push(n);
  }
  // FIPS 180-4: the first 32 bits of the fractional parts of roots of primes.
  const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32) | 0;
  const START = Int32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
  const ROUNDS = Int32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
  const BLOCK = 64;
  const words = new Int32Array(64);

  const turned = (x, by) => (x >>> by) | (x << (32 - by));

  function compress(state, bytes, from) {
    for (let i = 0; i < 16; i++) {
      const at = from + 4 * i;
      words[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    for (let i = 16; i < 64; i++) {
      const x = words[i - 15], y = words[i - 2];
      const s0 = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3);
      const s1 = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10);
      words[i] = (words[i - 16] + s0 + words[i - 7] + s1) | 0;
    }
    let [a, b, c, d, e, f, g, h] = state;
    for (let i = 0; i < 64; i++) {
      const s1 = turned(e, 6) ^ turned(e, 11) ^ turned(e, 25);
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i]) | 0;
      const s0 = turned(a, 2) ^ turned(a, 13) ^ turned(a, 22);
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + t1) | 0; d = c; c = b; b = a; a = (t1 + t2) | 0;
    }
    const parts = [a, b, c, d, e, f, g, h];
    for (let i = 0; i < 8; i++) state[i] = (state[i] + parts[i]) | 0;
  }

  // Give a number after which SHA-256 of `text:number` begins with so many zero bits.
  async function solved(text, bits) {
    const bytes = new Uint8Array(4 * BLOCK);
    const put = (chars, at) => {
      for (let i = 0; i < chars.length; i++) bytes[at + i] = chars.charCodeAt(i);
      return at + chars.length;
    };
    const before = put(text + ":", 0);
    const fixed = Math.floor(before / BLOCK) * BLOCK;
    const begun = START.slice();
    for (let at = 0; at < fixed; at += BLOCK) compress(begun, bytes, at);
    for (let number = 0; ; number++) {
      if (number % 10000 === 0) await new Promise((on) => setTimeout(on)); // let the page live
      const end = put(String(number), before);
      const whole = (Math.floor((end + 8) / BLOCK) + 1) * BLOCK;
      bytes.fill(0, end, whole);
      bytes[end] = 0x80;
      new DataView(bytes.buffer).setUint32(whole - 4, 8 * end);
      const state = begun.slice();
      for (let at = fixed; at < whole; at += BLOCK) compress(state, bytes, at);
      if (state[0] >>> (32 - bits) === 0) return `${text}:${number}`;
    }
  }

  async function proof() {
    const answer = await fetch("/v1/challenges", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ flow: "log-in" }),
    });
    if (!answer.ok) return null;
    const challenge = await answer.json();
    return solved(challenge.challenge, challenge.difficulty_bits);
  }

  async function sent(body, headers) {
    const answer = await fetch(form.action, {
      method: "POST",
      headers: { accept: "application/json", ...headers },
      body,
    });
    const said = await answer.json().catch(() => ({}));
    return { said, wait: answer.headers.get("retry-after") };
  }

  const asksForProof = ({ details }) =>
    Array.isArray(details) && details.some((one) => one.reason === "STEP_UP_REQUIRED");

  async function logIn(body) {
    let { said, wait } = await sent(body, {});
    if (asksForProof(said)) {
      tell("One moment, your browser is asked for some work first …", false);
      const work = await proof();
      if (work !== null) ({ said, wait } = await sent(body, { "x-proof-of-work": work }));
    }
    if (said.location) return location.assign(said.location);
    if (said.csrf) form.elements.csrf.value = said.csrf;
    if (said.wrong) return tell(said.wrong, true);
    return tell(wait ? `Too many tries. Try again in ${wait} s.` : "That did not work. Try again, please.", true);
  }

  function tell(text, bad) {
    alert.textContent = text;
    alert.className = bad ? "bad" : "";
    alert.hidden = false;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form));
    // Enter presses the first button. What presses none has decided nothing; the page says so.
    if (event.submitter) body.append(event.submitter.name, event.submitter.value);
    const busy = (yes) => buttons.forEach((button) => { button.disabled = yes; });
    busy(true);
    logIn(body)
      .catch(() => tell("Aviary does not answer. Try again, please.", true))
      .finally(() => busy(false));
  });
})();
