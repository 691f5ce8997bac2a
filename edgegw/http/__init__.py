"""What an HTTP message is: values, no I/O, standard library only.

Words: a *request* and a *response* hold *headers* (ordered, repeated, in their wire spelling), a
*target* (path and query exactly as received) and a *body*, which is a handle: bytes at hand or a
stream that has not been read yet.
"""
