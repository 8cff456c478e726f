import type { Interceptor } from "@connectrpc/connect";

/** Shows an access token with each call; `token` is asked each time, so that it may be renewed. */
export function bearer(token: () => string | Promise<string>): Interceptor {
  return (next) => async (request) => {
    request.header.set("authorization", `Bearer ${await token()}`);
    return await next(request);
  };
}
