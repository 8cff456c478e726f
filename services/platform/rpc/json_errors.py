from services.platform.rpc.http_connection import Reply
def error_reply(status, call):
    return Reply(400, str(status).encode())
