"""Trained models give the same outputs bit for bit from run to run, and for any number of sessions at once.

    test_determinism.py BUILD [-v]
"""

import hashlib
import os
import sys
import threading
import unittest

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(root, "utils", "models"))
import cases as model_cases
import compiled
import tenon

BUILD = sys.argv.pop(1) if __name__ == "__main__" else None
CASES = ["ppocr_cls-4", "ppocr_rec-1x320"]
SESSIONS, RUNS = 4, 6


def digest(outputs):
    found = hashlib.sha256()
    for name, array in sorted(outputs.items()):
        found.update(name.encode() + repr((array.shape, array.dtype)).encode() + array.tobytes())
    return found.hexdigest()


def digests_of_sessions(model, threads, inputs):
    """What each of the sessions gives in each of its runs, all sessions running at once."""
    found, begin = [[] for _ in range(SESSIONS)], threading.Barrier(SESSIONS)

    def work(mine):
        session = model.session(threads=threads)
        for _ in range(RUNS):
            begin.wait(timeout=60)
            mine.append(digest(session.run(inputs)))

    workers = [threading.Thread(target=work, args=(mine,)) for mine in found]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return found


class DeterminismTest(unittest.TestCase):
    def test_outputs(self):
        models, cases = model_cases.load()
        for case in (next(case for case in cases if case["name"] == name) for name in CASES):
            for provider in compiled.PROVIDERS:
                model = tenon.load(compiled.compile_if_stale(BUILD, models[case["model"]], provider))
                inputs = {info.name: model_cases.make_input(case, i) for i, info in enumerate(model.inputs)}
                for threads in (1, 2):
                    with self.subTest(case=case["name"], provider=provider, threads=threads):
                        found = digests_of_sessions(model, threads, inputs)
                        self.assertEqual([len(mine) for mine in found], SESSIONS * [RUNS], "a session failed")
                        self.assertEqual(len(set(sum(found, []))), 1, found)
                        # It is of the outputs: other inputs have another one.
                        others = {name: array[..., ::-1].copy() for name, array in inputs.items()}
                        self.assertNotEqual(digest(model.session(threads=threads).run(others)), found[0][0])


if __name__ == "__main__":
    unittest.main()
