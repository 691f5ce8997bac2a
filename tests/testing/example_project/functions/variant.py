"""Origin-request: pages of variant b stand in a folder of their own."""


def handler(event, context):
    request = event["Records"][0]["cf"]["request"]
    variant = request["headers"].get("x-variant", [{"value": "a"}])[0]["value"]
    print("variant", variant)
    if variant == "b":
        request["uri"] = "/b" + request["uri"]
    return request
