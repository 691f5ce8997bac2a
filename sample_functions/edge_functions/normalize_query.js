// viewer-request: parameters in the order of their names, and none of tracking, so that more is found in the cache.
function handler(event) {
  var request = event.request, query = {};
  Object.keys(request.querystring).sort().forEach(function (name) {
    if (!name.startsWith('utm_')) query[name] = request.querystring[name];
  });
  request.querystring = query;
  return request;
}
