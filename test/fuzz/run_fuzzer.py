"""Runs a fuzzer a fixed number of times from the models of the importer's tests.

    run_fuzzer.py FUZZER TESTS CORPUS RUNS
"""

import glob
import os
import shutil
import subprocess
import sys


def main():
    fuzzer, tests, corpus, runs = sys.argv[1:]
    shutil.rmtree(corpus, ignore_errors=True)
    models = os.path.join(corpus, "models")
    os.makedirs(models)
    for test in sorted(glob.glob(os.path.join(tests, "*.test"))):
        folder = os.path.join(corpus, "made", os.path.basename(test))
        subprocess.run([sys.executable, os.path.join(tests, "Inputs", "make_model.py"), test, folder], check=True)
        for model in sorted(glob.glob(os.path.join(folder, "*.onnx"))):
            # It is refused only after many nodes: too slow to run thousands of times.
            if os.path.basename(model) == "explosion.onnx":
                continue
            shutil.copy(model, os.path.join(models, os.path.basename(test) + "." + os.path.basename(model)))
    # Containers and LLVM's allocators cross the border to libraries that are not instrumented.
    options = os.environ.get("ASAN_OPTIONS", "")
    environment = dict(os.environ, ASAN_OPTIONS=options + ":detect_container_overflow=0:allow_user_poisoning=0:detect_leaks=1")
    found = os.path.join(corpus, "found")
    os.makedirs(found)
    command = [fuzzer, f"-runs={runs}", "-seed=1", "-max_len=4096", "-timeout=20", "-rss_limit_mb=4096",
               f"-artifact_prefix={corpus}/", "-print_final_stats=1", found, models]
    result = subprocess.run(command, env=environment, stderr=subprocess.STDOUT, stdout=subprocess.PIPE, check=False,
                            encoding="utf-8", errors="replace")
    print(result.stdout[-6000:])
    sys.exit(result.returncode)


if __name__ == "__main__":
    main()
