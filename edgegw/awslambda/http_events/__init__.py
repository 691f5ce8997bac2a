"""Functions behind HTTP: function URLs and HTTP APIs of API Gateway.

    request ─▶ cors (a preflight ends here) ─▶ routes or signature ─▶ ReadHttpBody
            ─▶ event (payload 2.0) or event_v1 (1.0) ─▶ InvokeHttp ─▶ result ─▶ HttpAnswer

`flow.py` has the steps, `model.py` what is configured; each other file is one rule book.
"""
