<?php
// Decrypts the parameter "data" of a notify, for a private key of any size. PHP 7.1 or newer
// with its openssl extension. Include it, or run it:
//
//   php decrypt_notify.php merchant.key.pem < data.txt
//
// In a page that receives notifies:
//
//   $json = decrypt_notify($_POST['data'] ?? $_GET['data'] ?? '', $pem);
//
// That it decrypts proves nothing: whoever has the public key can make a notify. Query the order
// before you hand out goods, and answer every failure in the same way.

declare(strict_types=1);

/**
 * The JSON text, or null if the value was not encrypted to this key.
 *
 * @param string $data what PHP has percent-decoded already
 * @param string $pem  the private key, PKCS#1 or PKCS#8
 */
function decrypt_notify(string $data, string $pem): ?string
{
    $key = openssl_pkey_get_private($pem);
    if ($key === false) {
        throw new InvalidArgumentException('not a private key in PEM');
    }
    // As long as the key: 128 bytes for 1024 bits, 256 for 2048.
    $block = intdiv(openssl_pkey_get_details($key)['bits'] + 7, 8);
    // A "+" that the sender did not escape has become a blank.
    $joined = base64_decode(strtr($data, ' ', '+'), true);
    if ($joined === false || $joined === '' || strlen($joined) % $block !== 0) {
        return null;
    }
    $plain = '';
    foreach (str_split($joined, $block) as $part) {
        if (!openssl_private_decrypt($part, $piece, $key, OPENSSL_PKCS1_PADDING)) {
            return null;
        }
        // Only bytes: a character may lie across the border of two blocks.
        $plain .= $piece;
    }
    return $plain;
}

if (PHP_SAPI === 'cli' && realpath($argv[0]) === __FILE__) {
    if ($argc !== 2) {
        fwrite(STDERR, "usage: php decrypt_notify.php KEYFILE < DATA\n");
        exit(2);
    }
    $data = rtrim(stream_get_contents(STDIN), "\r\n");
    $json = decrypt_notify($data, file_get_contents($argv[1]));
    if ($json === null) {
        fwrite(STDERR, "not encrypted to this key\n");
        exit(1);
    }
    echo $json, "\n";
}
