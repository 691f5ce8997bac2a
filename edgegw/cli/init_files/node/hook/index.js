// Runs at viewer-request: redirects old pages, and tells the origin which bucket a viewer is in.
exports.handler = async (event) => {
  const request = event.Records[0].cf.request;
  if (request.uri.startsWith("/old/")) {
    return {
      status: "301",
      statusDescription: "Moved Permanently",
      headers: { location: [{ key: "Location", value: request.uri.replace("/old/", "/new/") }] },
    };
  }
  const last = parseInt(request.clientIp.split(/[.:]/).pop() || "0", 16);
  request.headers["x-bucket"] = [{ key: "X-Bucket", value: last % 2 ? "a" : "b" }];
  return request;
};
