import { fromJson, toJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import {
  Code,
  ConnectError,
  createContextValues,
  type Interceptor,
  type Transport,
} from "@connectrpc/connect";
import { runUnaryCall } from "@connectrpc/connect/protocol";
import { bound } from "./binding.js";
import { errorOf } from "./errors.js";

/** What `createRestTransport` is told. */
export interface RestTransportOptions {
  /** The edge, such as `https://api.example`. */
  readonly baseUrl: string;
  /** See each call before it is sent, the first one first; such as `bearer`. */
  readonly interceptors?: Interceptor[];
  /** How long a call may take, where it does not say so itself; milliseconds. */
  readonly defaultTimeoutMs?: number;
  /** Sends requests; by default the `fetch` of the platform. */
  readonly fetch?: typeof globalThis.fetch;
}

/**
 * Carries calls over REST: paths and JSON as `/openapi.json` has them, messages as `gen` has them.
 *
 * Errors are `ConnectError`s with the code and the details that gRPC-Web gives. A call that gets no
 * answer is `Unavailable`.
 */
export function createRestTransport(options: RestTransportOptions): Transport {
  const base = options.baseUrl.replace(/\/+$/, "");
  const fetch = options.fetch ?? globalThis.fetch;
  return {
    async unary(method, signal, timeoutMs, header, input, contextValues) {
      const withinMs = timeoutMs ?? options.defaultTimeoutMs;
      return await runUnaryCall({
        interceptors: options.interceptors ?? [],
        ...(signal === undefined ? {} : { signal }),
        ...(withinMs === undefined ? {} : { timeoutMs: withinMs }),
        req: {
          stream: false,
          service: method.parent,
          method,
          requestMethod: "POST",
          url: `${base}/${method.parent.typeName}/${method.name}`,
          header: new Headers(header),
          contextValues: contextValues ?? createContextValues(),
          message: input,
        },
        next: async (request) => {
          const fields = toJson(method.input, request.message, { useProtoFieldName: true });
          const { verb, path, body } = bound(method, fields as JsonObject);
          if (body !== undefined) {
            request.header.set("content-type", "application/json");
          }
          const answer = await sent(fetch, base + path, {
            method: verb,
            headers: request.header,
            signal: request.signal,
            ...(body === undefined ? {} : { body }),
          });
          if (!answer.ok) {
            throw await errorOf(answer);
          }
          const json = (await answer.json()) as JsonValue;
          return {
            stream: false,
            service: method.parent,
            method,
            header: answer.headers,
            trailer: new Headers(),
            message: fromJson(method.output, json, { ignoreUnknownFields: true }),
          };
        },
      });
    },
    async stream(method) {
      throw new ConnectError(`${method.name} is a stream`, Code.Unimplemented);
    },
  };
}

async function sent(
  fetch: typeof globalThis.fetch,
  url: string,
  init: RequestInit & { signal: AbortSignal },
): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    // Ended by the caller or by the deadline, which the signal gives as its reason.
    throw init.signal.aborted ? error : new ConnectError(String(error), Code.Unavailable);
  }
}
