"""The floor: the same model behind a bare ASGI function on uvicorn, which checks nothing and promises nothing.

python bare.py MODEL.onnx PORT
"""

import sys

import numpy as np
import onnxruntime as ort
import orjson
import uvicorn


def application(path: str):
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    names = [node.name for node in session.get_outputs()]

    async def answer(_, receive, send):
        parts, more = [], True
        while more:
            message = await receive()
            parts.append(message["body"])
            more = message.get("more_body", False)
        tensor = orjson.loads(b"".join(parts))["inputs"][0]
        rows = np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"])
        outputs = session.run(names, {tensor["name"]: rows})
        said = [
            {"name": name, "datatype": str(array.dtype), "shape": array.shape, "data": array.ravel()}
            for name, array in zip(names, outputs, strict=True)
        ]
        body = orjson.dumps({"model_name": "floor", "outputs": said}, option=orjson.OPT_SERIALIZE_NUMPY)
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return answer


if __name__ == "__main__":
    uvicorn.run(
        application(sys.argv[1]),
        host="127.0.0.1",
        port=int(sys.argv[2]),
        http="httptools",
        loop="uvloop",
        lifespan="off",
        ws="none",
        access_log=False,
        log_level="warning",
    )
