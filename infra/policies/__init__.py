"""Every IAM policy document, as functions from names and ARNs to JSON text.

`document` is the form, `trust` who may assume a role, `foundation` the state bucket's and key's own policies,
`execution` what an app's roles may do and can ever do, `ci` what CI's roles may do, one function per service.

Sources. What AWS asks IAM for a call is in its service authorization reference, "SAR" below, which is incomplete:
https://docs.aws.amazon.com/service-authorization/latest/reference/. A statement that people found by a denial, or that
AWS documents elsewhere, names the source. docs/iam.md has all of them, with quotes.
"""
