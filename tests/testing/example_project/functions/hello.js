// A target of the load balancer.
exports.handler = async (event) => {
  const { name = 'world' } = event.queryStringParameters;
  console.log('greeting', name);
  return { statusCode: 200, headers: { 'content-type': 'text/plain' }, body: `hello ${name}` };
};
