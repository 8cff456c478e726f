import {
  getOption,
  hasOption,
  type DescMethod,
  type JsonObject,
  type JsonValue,
} from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { json_of } from "./gen/aviary/edge/v1/access_pb.js";
import { http } from "./gen/google/api/annotations_pb.js";

/** A call as it goes over HTTP. */
export interface RestRequest {
  readonly verb: string;
  /** With the query. */
  readonly path: string;
  /** JSON; `undefined` where all is in the path and the query. */
  readonly body: string | undefined;
}

interface Binding {
  readonly verb: string;
  readonly template: string;
  readonly hasBody: boolean;
}

const VARIABLE = /\{(\w+)\}/g;

/**
 * Puts the fields of a request, in JSON, where the contract's `google.api.http` has them.
 *
 * Throws a `ConnectError`: `Unimplemented` for an RPC without a path, `InvalidArgument` where a field
 * that the path names has no value.
 */
export function bound(method: DescMethod, fields: JsonObject): RestRequest {
  const { verb, template, hasBody } = bindingOf(method);
  const rest: JsonObject = { ...fields };
  const path = template.replace(VARIABLE, (_, name: string) => {
    const value = rest[name];
    delete rest[name];
    if (value === undefined || value === "") {
      throw new ConnectError(`${name} is missing`, Code.InvalidArgument);
    }
    return encodeURIComponent(asText(name, value));
  });
  if (hasBody) {
    return { verb, path, body: JSON.stringify(rest) };
  }
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(rest)) {
    query.set(name, asText(name, value));
  }
  return { verb, path: query.size > 0 ? `${path}?${query}` : path, body: undefined };
}

function bindingOf(method: DescMethod): Binding {
  const bearer = hasOption(method, http) ? method : inJson(method);
  const rule = bearer && getOption(bearer, http);
  const pattern = rule?.pattern;
  if (rule === undefined || pattern === undefined) {
    throw noPath(method);
  }
  switch (pattern.case) {
    case "get":
    case "post":
    case "put":
    case "patch":
    case "delete":
      return {
        verb: pattern.case.toUpperCase(),
        template: pattern.value,
        hasBody: rule.body === "*",
      };
    default:
      throw noPath(method);
  }
}

/** Finds the RPC that answers for `method` in JSON, and has its path. */
function inJson(method: DescMethod): DescMethod | undefined {
  return method.parent.methods.find((one) => getOption(one, json_of) === method.name);
}

function noPath(method: DescMethod): ConnectError {
  return new ConnectError(`${method.name} is not to be had over REST`, Code.Unimplemented);
}

function asText(name: string, value: JsonValue): string {
  if (typeof value === "object") {
    throw new ConnectError(`${name} is no single value`, Code.InvalidArgument);
  }
  return String(value);
}
