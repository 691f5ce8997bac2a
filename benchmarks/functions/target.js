const body = "x".repeat(1024);

exports.handler = async () => ({ statusCode: 200, headers: { "Content-Type": "text/plain" }, body });
