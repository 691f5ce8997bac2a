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
