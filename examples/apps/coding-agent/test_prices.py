import unittest

from prices import with_discount


class Discount(unittest.TestCase):
    def test_a_quarter_off(self):
        self.assertEqual(with_discount(400, 25), 300)


if __name__ == "__main__":
    unittest.main()
