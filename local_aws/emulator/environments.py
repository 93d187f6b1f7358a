"""Execution environments of functions: one whose handler raised is used again, as on AWS, and each starts without
botocore.

Only a crash or a timeout ends an execution environment
(https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html, "Failures during the invoke phase"). A
handler that raises is neither: AWS's runtime reports the error and waits for the next invocation
(aws/aws-lambda-python-runtime-interface-client, awslambdaric/bootstrap.py, `run`). ministack would start a new process
for each failing request, so that an incident would be cold starts, and most of a processor.

ministack has each process load botocore before the handler, to count how deep functions invoke one another. This
project's functions use the standard library alone, and botocore would be two thirds of their cold start. So there is no
recursive loop detection here (https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html).
"""

from collections.abc import Callable
from typing import Any

from ministack.core import lambda_runtime

from local_aws.emulator import patches
from local_aws.emulator.patches import Patch
from local_aws.errors import LocalAwsError

ERROR = '{"status": "error", "error": str(e), "trace": traceback.format_exc()}'
"""What ministack's program for a function's process writes when the handler raises; then the process is killed."""
RAISED = '{"status": "ok", "raised": True, "error": str(e), "trace": traceback.format_exc()}'

COUNTS_DEPTH = "    _ms_install_invoke_depth()\n"
"""Where that program loads botocore."""


def install() -> None:
    """Patch the emulator. Call once, before it serves.

    Raises LocalAwsError when ministack's program or a function of it is another than the patch expects.
    """
    program = lambda_runtime._PYTHON_WORKER_SCRIPT
    for old, new in ((ERROR, RAISED), (COUNTS_DEPTH, "")):
        if program.count(old) != 1:
            raise LocalAwsError(
                f"ministack's program for functions does not have {old.strip()} once: this project pins ministack "
                f"{patches.pinned_version()}; install the pinned version, or adapt local_aws/emulator/environments.py"
            )
        program = program.replace(old, new)
    lambda_runtime._PYTHON_WORKER_SCRIPT = program
    parameters = "self event request_id trace_id depth durable invoked_function_arn"
    patches.install(Patch(lambda_runtime.Worker, "invoke", parameters, _reporting_errors))


def _reporting_errors(invoke: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def invoke_and_report(*arguments: Any, **options: Any) -> dict[str, Any]:
        response = invoke(*arguments, **options)
        return {**response, "status": "error"} if response.get("raised") else response

    return invoke_and_report
