from fastapi import FastAPI, Request, Response
from mangum import Mangum

app = FastAPI()


@app.get("/items/{name}")
async def item(name: str, request: Request, limit: int = 10):
    return {
        "name": name,
        "limit": limit,
        "all": request.query_params.getlist("tag"),
        "host": request.headers["host"],
        "scheme": request.url.scheme,
        "cookies": dict(request.cookies),
    }


@app.post("/items")
async def made(request: Request):
    return {"got": await request.json()}


@app.get("/cookies")
async def cookies():
    response = Response("set")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@app.get("/bytes")
async def raw():
    return Response(bytes([0, 255, 1, 254]), media_type="image/png")


handler = Mangum(app, lifespan="off")
