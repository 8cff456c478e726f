// The work that the edge asks of who signs up or posts suspiciously often, before it lets them on.
// SHA-256 of our own, since the browser's gives one promise for each of some hundred thousand hashes;
// the log-in page has the same (`services/identity/log_in.js`), inline, as it loads nothing.

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

/** Fetch a challenge of the flow (`post`, `sign-up`) and give its solution. */
export async function prove(flow) {
  const answer = await fetch("/v1/challenges", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ flow }),
  });
  if (!answer.ok) throw new Error("Aviary is busy. Please try again in a minute.");
  const { challenge, difficulty_bits: bits } = await answer.json();
  return solved(challenge, bits);
}
