#!/usr/bin/env python3
"""Signs somebody in where `custos dev` prints her password: opens the page, chooses the development provider, fills in its form.

usage: scripts/browser.py URL NAME        the password comes on standard input

Stands in for a person with a browser, in the demo. Plain HTTP on loopback; prints the pages that it saw.
"""

import html
import re
import sys
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar


class Browser:
    """Cookies, redirects and one form on each page."""

    def __init__(self):
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def show(self, url, form=None):
        data = urllib.parse.urlencode(form).encode() if form else None
        headers = {"Origin": "/".join(self.url.split("/")[:3])} if form else {}
        with self.opener.open(urllib.request.Request(url, data=data, headers=headers), timeout=20) as answer:
            self.url, self.page = answer.geturl(), answer.read().decode()
        title = re.search(r"<h1[^>]*>(.*?)</h1>|<title>(.*?)</title>", self.page, re.S)
        print("page:", " ".join(html.unescape(next(filter(None, title.groups()), "")).split()) if title else "(no title)")

    def follow(self, start):
        link = next(link for link in re.findall(r'href="([^"]+)"', self.page) if link.startswith(start))
        self.show(urllib.parse.urljoin(self.url, html.unescape(link)))

    def submit(self, **fields):
        form = re.search(r"<form.*?</form>", self.page, re.S).group()
        action = re.search(r'action="([^"]+)"', form).group(1)
        hidden = [tag for tag in re.findall(r"<input[^>]*>", form) if 'type="hidden"' in tag]
        value = lambda tag, name: html.unescape(re.search(name + r'="([^"]*)"', tag).group(1))
        filled = {value(tag, "name"): value(tag, "value") for tag in hidden}
        self.show(urllib.parse.urljoin(self.url, html.unescape(action)), filled | fields)


browser = Browser()
browser.show(sys.argv[1])
browser.follow("/sign-in/")
browser.submit(name=sys.argv[2], password=sys.stdin.readline().strip())
