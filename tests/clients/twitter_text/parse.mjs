// Reads texts, each a line of JSON, and writes for each a line of what `twitter-text` finds in it:
// {"length": weighted, "entities": [[kind, start, end, what it says], …]}, with offsets in code points.

import { createInterface } from "node:readline";

import twitter from "twitter-text";

const kinds = { screenName: "mention", hashtag: "hashtag", cashtag: "cashtag", url: "url" };

for await (const line of createInterface({ input: process.stdin })) {
  const text = JSON.parse(line);
  const codePoints = (units) => Array.from(text.slice(0, units)).length;
  const entities = twitter
    .extractEntitiesWithIndices(text)
    .filter((entity) => !entity.listSlug)
    .map((entity) => {
      const name = Object.keys(kinds).find((each) => each in entity);
      return [kinds[name], ...entity.indices.map(codePoints), entity[name]];
    })
    .sort((one, other) => one[1] - other[1]);
  console.log(JSON.stringify({ length: twitter.parseTweet(text).weightedLength, entities }));
}
