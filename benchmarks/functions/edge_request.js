// viewer-request as most of them are: a path made complete, a header added.
function handler(event) {
  var request = event.request;
  if (request.uri.endsWith('/')) request.uri += 'index.html';
  request.headers['x-added'] = { value: 'yes' };
  return request;
}
