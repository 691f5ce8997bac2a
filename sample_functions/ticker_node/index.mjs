// A page that grows while it is read: a stream behind a function URL with RESPONSE_STREAM.
export const handler = awslambda.streamifyResponse(async (event, out) => {
  const metadata = { statusCode: 200, headers: { "Content-Type": "text/plain" } };
  out = awslambda.HttpResponseStream.from(out, metadata);
  for (let second = 1; second <= 3; second += 1) {
    out.write(`${second}\n`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  out.end();
});
