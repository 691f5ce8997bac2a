exports.request = async (event) => {
  const request = event.Records[0].cf.request;
  request.headers["x-hook"] = [{ key: "X-Hook", value: "1" }];
  return request;
};

exports.response = async (event) => {
  const response = event.Records[0].cf.response;
  response.headers["x-hook"] = [{ key: "X-Hook", value: "1" }];
  return response;
};
