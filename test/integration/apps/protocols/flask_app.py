"""Flask on Werkzeug's own server, as `flask run` starts it."""

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.route("/echo", methods=["GET", "POST"])
def echo():
    return jsonify(method=request.method, host=request.host, url=request.url, scheme=request.headers.get("x-forwarded-proto"), body=request.get_data(as_text=True))


@app.get("/stream")
def stream():
    return Response((f"line {i}\n" for i in range(5)), mimetype="text/plain")


app.run(host="127.0.0.1", port=5000, threaded=True)
