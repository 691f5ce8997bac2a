// viewer-request: viewers in Germany and Austria go to /de/. Needs CloudFront-Viewer-Country in a policy.
function handler(event) {
  var request = event.request;
  var country = request.headers['cloudfront-viewer-country'];
  if (country && ['DE', 'AT'].indexOf(country.value) >= 0 && !request.uri.startsWith('/de/'))
    return { statusCode: 302, statusDescription: 'Found', headers: { location: { value: '/de' + request.uri } } };
  return request;
}
