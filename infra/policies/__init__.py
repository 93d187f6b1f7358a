"""Every IAM policy document, as functions from names and ARNs to JSON text.

`document` has the syntax, `trust` who may assume a role, `foundation` the policies of the state bucket and its key,
`execution` what an app's roles may do and can ever do, `ci` what CI's roles may do, one function per service, `people`
what people's roles may do, and `agent` what asking AWS DevOps Agent needs.

Sources. What AWS checks for a call is in its service authorization reference, "SAR" below, which is incomplete:
https://docs.aws.amazon.com/service-authorization/latest/reference/. A statement that is known from users' denials, or
from other documentation, names its source. docs/iam.md has all of them, with quotes.
"""
