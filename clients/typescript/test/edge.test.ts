/**
 * Calls all of Aviary as its users do, by both ways. `AVIARY_EDGE` is the edge's URL, `AVIARY_TOKENS`
 * the access tokens of two users, separated by a space.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { equals, type MessageInitShape } from "@bufbuild/protobuf";
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { Transport } from "@connectrpc/connect";
import {
  bearer,
  Code,
  ConnectError,
  createClient,
  createGrpcWebTransport,
  createRestTransport,
  reasonOf,
} from "../src/index.js";
import { FollowRequestSchema, GraphService } from "../src/gen/aviary/graph/v1/graph_service_pb.js";
import { ListService } from "../src/gen/aviary/list/v1/list_service_pb.js";
import {
  GetHomeTimelineResponseSchema,
  TimelineService,
} from "../src/gen/aviary/timeline/v1/timeline_service_pb.js";
import { TweetService } from "../src/gen/aviary/tweet/v1/tweet_service_pb.js";
import { UserService } from "../src/gen/aviary/user/v1/user_service_pb.js";
import { BadRequestSchema } from "../src/gen/google/rpc/error_details_pb.js";

const WITHIN_MS = 30_000;
const baseUrl = required("AVIARY_EDGE");
const [ada, bob] = required("AVIARY_TOKENS").split(" ");

function required(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set`);
  return value;
}

type Way = (token?: string) => Transport;

const rest: Way = (token) =>
  createRestTransport({ baseUrl, interceptors: token ? [bearer(() => token)] : [] });
const grpcWeb: Way = (token) =>
  createGrpcWebTransport({ baseUrl, interceptors: token ? [bearer(() => token)] : [] });

async function eventually<T>(read: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + WITHIN_MS;
  for (;;) {
    const found = await read();
    if (found !== undefined) {
      return found;
    }
    assert(Date.now() < deadline, "it did not come");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function refused(call: Promise<unknown>, code: Code): Promise<ConnectError> {
  try {
    await call;
  } catch (error) {
    assert(error instanceof ConnectError, String(error));
    assert.equal(Code[error.code], Code[code], error.message);
    return error;
  }
  assert.fail("it was not refused");
}

for (const [name, way] of Object.entries({ rest, grpcWeb })) {
  describe(name, () => {
    const [adas, bobs] = [way(ada), way(bob)];
    const tweets = createClient(TweetService, adas);

    it("posts, follows and reads a home", async () => {
      const me = await createClient(UserService, adas).getMe({});
      const adasId = me.user!.userId;
      assert.equal(typeof adasId, "bigint");
      const follow: MessageInitShape<typeof FollowRequestSchema> = { followeeId: adasId };
      await createClient(GraphService, bobs).follow(follow);
      const before = Date.now();
      const posted = await tweets.createTweet({ text: `Grüße & 🐦 by ${name}` });
      assert(posted.tweetId > 2n ** 53n, "an id that a number would round");
      const home = createClient(TimelineService, bobs);
      const read = await eventually(async () => {
        const page = await home.getHomeTimeline({ limit: 5 });
        const tweet = page.tweets.find((one) => one.tweetId === posted.tweetId);
        return tweet && { tweet, page };
      });
      assert.equal(read.tweet.text, `Grüße & 🐦 by ${name}`);
      assert(Math.abs(timestampMs(read.tweet.createdAt!) - before) < WITHIN_MS);
      assert(read.page.includes!.users.some((one) => one.userId === adasId));
    });

    it("goes through pages to their end", async () => {
      const texts = ["one", "two", "three"].map((word) => `${word} by ${name}`);
      for (const text of texts) {
        await tweets.createTweet({ text });
      }
      const own = createClient(TimelineService, adas);
      const { user } = await createClient(UserService, adas).getMe({});
      const read: bigint[] = [];
      const said: string[] = [];
      let cursor: string | undefined = "";
      let last = "";
      while (cursor !== undefined) {
        const page = await own.getUserTimeline({ userId: user!.userId, limit: 2, cursor });
        read.push(...page.tweets.map((one) => one.tweetId));
        said.push(...page.tweets.map((one) => one.text));
        cursor = page.nextCursor;
        last = page.previousCursor!;
      }
      const back: bigint[] = [];
      for (;;) {
        const page = await own.getUserTimeline({ userId: user!.userId, limit: 2, cursor: last });
        if (page.tweets.length === 0) break;
        back.unshift(...page.tweets.map((one) => one.tweetId));
        last = page.previousCursor!;
      }
      assert.deepEqual(back, read.slice(0, back.length));
      assert.ok(back.length >= read.length - 2);
      assert.deepEqual(said.slice(0, 3), texts.reverse());
      assert.equal(new Set(read).size, read.length);
    });

    it("gives the first answer to a repeat", async () => {
      const request = { text: `once by ${name}`, requestId: `once-${name}` };
      const [first, second] = [await tweets.createTweet(request), await tweets.createTweet(request)];
      assert.equal(first.tweetId, second.tweetId);
      const other = tweets.createTweet({ ...request, text: "twice" });
      assert.equal(reasonOf(await refused(other, Code.AlreadyExists)), "REQUEST_ID_REUSED");
    });

    it("makes, changes and deletes what has a path of its own", async () => {
      const lists = createClient(ListService, adas);
      const made = await lists.createList({ name: `by ${name}`, description: "birds" });
      const listId = made.list!.listId;
      const changed = await lists.updateList({ listId, description: "" });
      assert.equal(changed.list!.name, `by ${name}`);
      assert.equal(changed.list!.description, undefined);
      const { user } = await createClient(UserService, bobs).getMe({});
      await lists.addListMember({ listId, memberId: user!.userId });
      const members = await lists.listListMembers({ listId });
      assert.equal(members.users.length, 1);
      await lists.removeListMember({ listId, memberId: user!.userId });
      assert.equal((await lists.listListMembers({ listId })).users.length, 0);
      await lists.deleteList({ listId });
      const gone = await refused(lists.getList({ listId }), Code.NotFound);
      assert.equal(reasonOf(gone), "LIST_NOT_FOUND");
    });

    it("says why it was refused", async () => {
      const error = await refused(tweets.createTweet({ text: "a".repeat(281) }), Code.InvalidArgument);
      assert.equal(reasonOf(error), "INVALID_FIELD");
      const [details] = error.findDetails(BadRequestSchema);
      assert.equal(details?.fieldViolations[0]?.field, "text");
      const stranger = createClient(TweetService, way());
      await refused(stranger.createTweet({ text: "hi" }), Code.Unauthenticated);
      const garbled = createClient(TweetService, way("no.token"));
      await refused(garbled.createTweet({ text: "hi" }), Code.Unauthenticated);
    });

    it("ends with the caller's deadline and signal", async () => {
      const home = createClient(TimelineService, adas);
      await refused(home.getHomeTimeline({}, { timeoutMs: 0.001 }), Code.DeadlineExceeded);
      await refused(home.getHomeTimeline({}, { signal: AbortSignal.abort() }), Code.Canceled);
    });

    it("knows nobody's edge", async () => {
      const options = { baseUrl: "http://127.0.0.1:1" };
      const nowhere = name === "rest" ? createRestTransport(options) : createGrpcWebTransport(options);
      const call = createClient(UserService, nowhere).getMe({});
      await refused(call, name === "rest" ? Code.Unavailable : Code.Unknown);
    });
  });
}

it("reads the same by both ways", async () => {
  const [one, other] = await Promise.all(
    [rest(ada), grpcWeb(ada)].map((way) => createClient(TimelineService, way).getHomeTimeline({})),
  );
  assert(one!.tweets.length > 5);
  assert(equals(GetHomeTimelineResponseSchema, one!, other!));
});

it("encodes what a path and a query are made of", async () => {
  const users = createClient(UserService, rest(ada));
  await refused(users.getUserByHandle({ handle: "../users/me" }), Code.InvalidArgument);
  const found = await users.searchUsers({ query: "a&b=c d" });
  assert.deepEqual(found.users, []);
  await refused(users.getUser({}), Code.InvalidArgument);
});
