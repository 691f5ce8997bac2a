from apig_wsgi import make_lambda_handler
from flask import Flask, jsonify, make_response, request

app = Flask(__name__)


@app.get("/items/<name>")
def item(name):
    return jsonify(
        name=name,
        limit=request.args.get("limit", 10, int),
        all=request.args.getlist("tag"),
        host=request.host,
        scheme=request.scheme,
        cookies=dict(request.cookies),
    )


@app.post("/items")
def made():
    return jsonify(got=request.get_json())


@app.get("/cookies")
def cookies():
    response = make_response("set")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2")
    return response


@app.get("/bytes")
def raw():
    response = make_response(bytes([0, 255, 1, 254]))
    response.content_type = "image/png"
    return response


handler = make_lambda_handler(app, binary_support=True)
