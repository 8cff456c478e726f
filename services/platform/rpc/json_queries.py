from urllib.parse import unquote_to_bytes
class QueryError(Exception):
    reply=None
def query_reader(cls):
    fields=cls.DESCRIPTOR.fields_by_name
    ints={f.name for f in cls.DESCRIPTOR.fields if f.type in (3,5)}
    def read(query):
        m=cls()
        for part in query.decode('latin-1').split('&'):
            if not part: continue
            n,_,v=part.partition('=')
            v=unquote_to_bytes(v).decode()
            setattr(m,n,int(v) if n in ints else v)
        return m
    return read
