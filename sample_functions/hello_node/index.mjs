// A Lambda target in Node.js: says hello, and what the load balancer told it.
export const handler = async (event, context) => {
  const name = event.queryStringParameters?.name ?? "world";
  console.log("hello to", name);
  return {
    statusCode: 200,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      message: `Hello ${name} from Node.js ${process.version}`,
      path: event.path,
      trace: event.headers?.["x-amzn-trace-id"],
      function: context.functionName,
    }),
  };
};
