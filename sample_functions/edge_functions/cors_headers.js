// viewer-response: answers may be read by pages of any origin, unless the origin said something else.
function handler(event) {
  var response = event.response;
  if (!response.headers['access-control-allow-origin'] && event.request.headers.origin)
    response.headers['access-control-allow-origin'] = { value: event.request.headers.origin.value };
  return response;
}
