"""What every gRPC server and client shares.

"Who calls" is five things here, each with a name of its own:

- `RpcClient` (`rpc_client`): what makes calls through stubs, in time, in the trace, with domain
  errors. A sibling's client, such as `UserClient`, holds one.
- The *end user* (`end_user`): the person on whose behalf a request from outside is made, as the
  edge marks it from the token. Never a process.
- The *peer* (`peer_identity`): the process at the other end of the connection, by the name in its
  certificate. The call table (`security.call_table`) says what each may call.
- A *subject* (`gateway.limits`): what rate limits count a request against, which is a user, an app
  or an address. The edge labels requests with what is known of them.
- A *subject key* (`gateway.control_plane.keys`): the text, such as `user:7`, by which the limiter
  keeps a subject in Valkey.
"""
