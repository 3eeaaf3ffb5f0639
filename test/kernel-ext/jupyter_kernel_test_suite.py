"""Runs Debian's python3-jupyter-kernel-test against the installed kernel: python3 jupyter_kernel_test_suite.py

The kernelspec `mistral-lab` has to be where Jupyter looks (JUPYTER_DATA_DIR). A skipped test is a failure: the kernel
can do all that the suite asks for.
"""

import sys
import unittest

import jupyter_kernel_test

HTML = """display({ [Symbol.for("Jupyter.display")]: () => ({ "text/html": "<b>bold</b>", "text/plain": "bold" }) })"""


class MistralLabTests(jupyter_kernel_test.KernelTests):
    kernel_name = "mistral-lab"
    language_name = "typescript"
    file_extension = ".ts"
    code_hello_world = 'console.log("hello, world");'
    code_stderr = 'console.error("test");'
    completion_samples = [
        {"text": "Numb", "matches": {"Number", "number"}},
        {"text": "JSON.str", "matches": {"stringify"}},
    ]
    complete_code_samples = ["1", 'console.log("hello, world")', "function f(x: number) { return 2 * x; }"]
    incomplete_code_samples = ['console.log("hello, world"', "function f(x) {", "const a = `text", "[1, 2,", "/* remark"]
    invalid_code_samples = ["import = 7", "const 1 = 2;", "let x = ];"]
    code_page_something = "JSON.stringify?"
    code_generate_error = 'throw new Error("broken");'
    code_execute_result = [
        {"code": "1 + 2 + 3", "result": "6"},
        {"code": "[1, 2, 3].map((n) => n * n)", "result": "[ 1, 4, 9 ]"},
        {"code": "({ a: 'x' })", "result": "{ a: 'x' }"},
        {"code": "1 + 2 + 3", "result": "6"},
        {"code": "Promise.resolve(5)", "result": "5"},
    ]
    code_display_data = [{"code": HTML, "mime": "text/html"}]
    code_history_pattern = "1 ? 2*"
    supported_history_operations = ("tail", "range", "search")
    code_inspect_sample = "JSON.stringify"
    code_clear_output = "clearOutput();"


if __name__ == "__main__":
    suite = unittest.defaultTestLoader.loadTestsFromTestCase(MistralLabTests)
    result = unittest.TextTestRunner(verbosity=2).run(suite)
    bad = len(result.failures) + len(result.errors) + len(result.skipped)
    print(f"{result.testsRun - bad} passed, {bad} failed or skipped")
    sys.exit(0 if bad == 0 and result.testsRun > 0 else 1)
