"""A Starlette application through Mangum, at origin-request.

Servers of ASGI applications set Content-Length; a function at the edge must not, and Mangum can
leave it out.
"""

from mangum import Mangum
from starlette.applications import Starlette
from starlette.responses import JSONResponse, PlainTextResponse
from starlette.routing import Route


async def hello(request):
    return PlainTextResponse(f"hello {request.path_params['name']}", headers={"x-made": "by asgi"})


async def echo(request):
    return JSONResponse({"got": await request.json(), "query": dict(request.query_params)})


app = Starlette(routes=[Route("/hello/{name}", hello), Route("/json", echo, methods=["POST"])])
handler = Mangum(app, lifespan="off", exclude_headers=["content-length"])
careless = Mangum(app, lifespan="off")
