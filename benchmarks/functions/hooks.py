def request(event, context):
    request = event["Records"][0]["cf"]["request"]
    request["headers"]["x-hook"] = [{"key": "X-Hook", "value": "1"}]
    return request


def response(event, context):
    response = event["Records"][0]["cf"]["response"]
    response["headers"]["x-hook"] = [{"key": "X-Hook", "value": "1"}]
    return response
