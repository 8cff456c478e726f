import { createRegistry, fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { AnySchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";

/** What Aviary adds to errors. */
const DETAILS = createRegistry(BadRequestSchema, ErrorInfoSchema, RetryInfoSchema);

/** For answers of something between client and edge, which does not speak Aviary's JSON. */
const CODES = new Map<number, Code>([
  [400, Code.InvalidArgument],
  [401, Code.Unauthenticated],
  [403, Code.PermissionDenied],
  [404, Code.NotFound],
  [409, Code.AlreadyExists],
  [429, Code.ResourceExhausted],
  [502, Code.Unavailable],
  [503, Code.Unavailable],
  [504, Code.DeadlineExceeded],
]);

/** The `ErrorReason` of an error by its name, such as `TWEET_NOT_FOUND`; `undefined` without one. */
export function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof ConnectError)) {
    return undefined;
  }
  return error.findDetails(ErrorInfoSchema)[0]?.reason;
}

/** Reads an answer of REST that is no success; the error is what gRPC-Web would have given. */
export async function errorOf(answer: Response): Promise<ConnectError> {
  const text = await answer.text();
  const body = parsed(text);
  const said = body?.["code"];
  const code = isCode(said) ? said : (CODES.get(answer.status) ?? Code.Unknown);
  const message = typeof body?.["message"] === "string" ? body["message"] : text;
  const error = new ConnectError(message, code, answer.headers);
  error.details = Array.isArray(body?.["details"]) ? body["details"].flatMap(detail) : [];
  return error;
}

function parsed(text: string): JsonObject | undefined {
  try {
    const body = JSON.parse(text) as JsonValue;
    return typeof body === "object" && body !== null && !Array.isArray(body) ? body : undefined;
  } catch {
    return undefined;
  }
}

function isCode(value: JsonValue | undefined): value is Code {
  return typeof value === "number" && value in Code;
}

/** Packs a detail as gRPC-Web would bring it; one of a kind that is newer than this client is left out. */
function detail(json: JsonValue): ConnectError["details"] {
  try {
    const any = fromJson(AnySchema, json, { registry: DETAILS, ignoreUnknownFields: true });
    const type = any.typeUrl.slice(any.typeUrl.lastIndexOf("/") + 1);
    return [{ type, value: any.value }];
  } catch {
    return [];
  }
}
