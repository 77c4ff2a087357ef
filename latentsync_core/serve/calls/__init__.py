"""What clients call: one function a call, with the endpoint and the request."""
