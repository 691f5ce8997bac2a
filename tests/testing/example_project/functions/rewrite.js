// Viewer-request: folders have an index, and each viewer a variant by its cookie.
function handler(event) {
  var request = event.request;
  if (request.uri.endsWith('/')) request.uri += 'index.html';
  var cookie = request.cookies.variant;
  request.headers['x-variant'] = { value: cookie && cookie.value === 'b' ? 'b' : 'a' };
  return request;
}
