export const handler = awslambda.streamifyResponse(async (event, out) => {
  out.setContentType("text/plain");
  out.write("one\n");
  await new Promise((resolve) => setTimeout(resolve, 100));
  out.write("two\n");
  out.end();
});

export const fails = awslambda.streamifyResponse(async (event, out) => {
  out.write("one\n");
  await new Promise((resolve) => setTimeout(resolve, 20));
  throw new RangeError("too late");
});

const mark = (out, metadata) => awslambda.HttpResponseStream.from(out, metadata);

export const page = awslambda.streamifyResponse(async (event, out) => {
  const query = event.queryStringParameters ?? {};
  const headers = { "content-type": "text/html", "x-method": event.requestContext.http.method };
  out = mark(out, { statusCode: Number(query.status ?? 201), headers, cookies: ["a=b", "c=d"] });
  out.write("<p>one</p>");
  await new Promise((resolve) => setTimeout(resolve, 50));
  if (query.fail) throw new RangeError("in the middle");
  if (query.crash) process.exit(3);
  out.write("<p>two</p>");
  out.end();
});

export const early = awslambda.streamifyResponse(async () => {
  throw new RangeError("before the first byte");
});

export const bad = awslambda.streamifyResponse(async (event, out) => {
  out.setContentType("application/vnd.awslambda.http-integration-response");
  out.write("no metadata");
  out.end();
});

export const whole = async () => ({ statusCode: 200, body: "whole" });
