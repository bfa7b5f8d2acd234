"""What an SDK does, with Python alone: the token flow of IMDSv2, and a request to the API signed by Signature Version 4."""
import datetime
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request

METADATA = 'http://169.254.169.254'
ROLE = '/latest/meta-data/iam/security-credentials/execution_role'


def send(method, url, headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method=method, headers=headers), timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def token():
    return send('PUT', METADATA + '/latest/api/token', {'X-aws-ec2-metadata-token-ttl-seconds': '21600'})[1]


def get(path, session=None):
    return send('GET', METADATA + path, {'X-aws-ec2-metadata-token': session or token()})


def credentials():
    return json.loads(get(ROLE)[1])


def api(path, region='us-east-1', host='169.254.169.254:7400'):
    """GET, signed with the credentials of the execution role."""
    role = credentials()
    now = datetime.datetime.now(datetime.timezone.utc).strftime('%Y%m%dT%H%M%SZ')
    signed = {'host': host, 'x-amz-date': now, 'x-amz-security-token': role['Token']}
    names = ';'.join(sorted(signed))
    head = ''.join(f'{name}:{signed[name]}\n' for name in sorted(signed))
    canonical = '\n'.join(['GET', urllib.parse.quote(path), '', head, names, hashlib.sha256(b'').hexdigest()])
    scope = f'{now[:8]}/{region}/lambda/aws4_request'
    text = '\n'.join(['AWS4-HMAC-SHA256', now, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = ('AWS4' + role['SecretAccessKey']).encode()
    for part in scope.split('/'):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    signature = hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
    signed['Authorization'] = f"AWS4-HMAC-SHA256 Credential={role['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={signature}"
    return send('GET', f'http://{host}{path}', signed)
