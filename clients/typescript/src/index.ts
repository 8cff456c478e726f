/**
 * Clients of Aviary for browsers and Node.js, over REST or gRPC-Web.
 *
 * Both ways take and give the same messages: a client is made of a service of `aviary-client/gen` and
 * a transport.
 */
export { Code, ConnectError, createClient, type Client } from "@connectrpc/connect";
export { createGrpcWebTransport } from "@connectrpc/connect-web";
export { bearer } from "./bearer.js";
export { reasonOf } from "./errors.js";
export { createRestTransport, type RestTransportOptions } from "./rest.js";
