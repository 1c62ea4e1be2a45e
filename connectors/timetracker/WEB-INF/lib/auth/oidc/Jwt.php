<?php

namespace Countersign\TimeTracker;

/** Is a JWT signed by the provider? RS256 and nothing else, with a key of the provider's own set. */
final class Jwt
{
    private const LONGEST = 16384;

    /**
     * The claims, once the signature has been found right.
     *
     * @param string[] $types what `typ` may be
     * @param callable(string): ?array<string, mixed> $keyOf the JWK of a `kid`
     * @return array<string, mixed>
     */
    public static function verify(string $jwt, array $types, callable $keyOf): array
    {
        $parts = explode('.', strlen($jwt) > self::LONGEST ? '' : $jwt);
        if (count($parts) !== 3) {
            throw new Trouble('forged', 'not a signed JWT');
        }
        $header = self::json($parts[0]);
        // Pinned: neither "none" nor the public key taken as an HMAC secret gets past this line (RFC 8725 section 3.1).
        if (($header['alg'] ?? null) !== 'RS256') {
            throw new Trouble('forged', 'its alg is not RS256; once: countersign client set ID --id-token-alg RS256');
        }
        if (isset($header['crit']) || !in_array($header['typ'] ?? 'JWT', $types, true)) {
            throw new Trouble('forged', 'it is a JWT of another kind');
        }
        $kid = $header['kid'] ?? null;
        $key = is_string($kid) ? $keyOf($kid) : null;
        if ($key === null) {
            throw new Trouble('forged', 'its key is not in the key set');
        }
        $signed = "$parts[0].$parts[1]";
        if (openssl_verify($signed, self::bytes($parts[2]), self::pem($key), OPENSSL_ALGO_SHA256) !== 1) {
            throw new Trouble('forged', 'its signature is wrong');
        }
        return self::json($parts[1]);
    }

    /** @return array<string, mixed> */
    private static function json(string $part): array
    {
        $value = json_decode(self::bytes($part), true, 16);
        if (!is_array($value)) {
            throw new Trouble('forged', 'a part of the JWT is no JSON');
        }
        return $value;
    }

    private static function bytes(string $text): string
    {
        $plain = preg_match('/^[A-Za-z0-9_-]+$/D', $text) ? base64_decode(strtr($text, '-_', '+/'), true) : false;
        if ($plain === false) {
            throw new Trouble('forged', 'a part of the JWT is not base64url');
        }
        return $plain;
    }

    /**
     * RFC 7518 section 6.3.1 to RFC 5280, which is what OpenSSL reads.
     *
     * @param array<string, mixed> $key
     */
    private static function pem(array $key): string
    {
        foreach (['kty' => 'RSA', 'use' => 'sig', 'alg' => 'RS256'] as $name => $value) {
            if (($key[$name] ?? $value) !== $value) {
                throw new Trouble('forged', 'its key is for something else');
            }
        }
        $n = ltrim(self::bytes((string) ($key['n'] ?? '')), "\0");
        $e = ltrim(self::bytes((string) ($key['e'] ?? '')), "\0");
        if (strlen($n) < 256) {
            throw new Trouble('forged', 'its key is shorter than 2048 bits');
        }
        $rsa = self::der("\x30", self::number($n) . self::number($e));
        $rsaEncryption = hex2bin('300d06092a864886f70d0101010500');
        $der = self::der("\x30", $rsaEncryption . self::der("\x03", "\0" . $rsa));
        return "-----BEGIN PUBLIC KEY-----\n" . chunk_split(base64_encode($der), 64, "\n") . "-----END PUBLIC KEY-----\n";
    }

    private static function number(string $bytes): string
    {
        return self::der("\x02", ord($bytes[0] ?? "\0") > 127 ? "\0$bytes" : $bytes);
    }

    private static function der(string $tag, string $content): string
    {
        $length = strlen($content);
        if ($length < 128) {
            return $tag . chr($length) . $content;
        }
        $size = ltrim(pack('N', $length), "\0");
        return $tag . chr(128 + strlen($size)) . $size . $content;
    }
}
