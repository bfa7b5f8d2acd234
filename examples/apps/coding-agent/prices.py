"""Prices in cents."""


def with_discount(cents, percent):
    return cents - cents * percent
