import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.interfaces.RSAPrivateKey;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Base64;
import javax.crypto.Cipher;

/**
 * Decrypts the parameter "data" of a notify, for a private key of any size. Java 8 or newer,
 * without other libraries. Copy what you need; as a program:
 *
 * <pre>
 *   javac DecryptNotify.java
 *   java DecryptNotify merchant.key.pem &lt; data.txt
 * </pre>
 *
 * That it decrypts proves nothing: whoever has the public key can make a notify. Query the order
 * before you hand out goods, and answer every failure in the same way.
 */
public final class DecryptNotify {
    private DecryptNotify() {}

    public static void main(String[] args) throws Exception {
        if (args.length != 1) {
            System.err.println("usage: java DecryptNotify KEYFILE < DATA");
            System.exit(2);
        }
        byte[] keyFile = Files.readAllBytes(Paths.get(args[0]));
        RSAPrivateKey key = readKey(new String(keyFile, StandardCharsets.US_ASCII));
        String input = new String(readAll(System.in), StandardCharsets.US_ASCII);
        String data = input.replaceAll("[\\r\\n]", "");
        // The console may have another charset; JSON is UTF-8.
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        out.println(decrypt(data, key));
    }

    /**
     * Decrypts a value that the servlet container has percent-decoded already.
     *
     * @throws GeneralSecurityException if it was not encrypted to this key
     * @throws IllegalArgumentException if it is not base64, or no whole number of blocks
     */
    public static String decrypt(String data, RSAPrivateKey key) throws GeneralSecurityException {
        // A "+" that the sender did not escape has become a blank.
        byte[] joined = Base64.getDecoder().decode(data.replace(' ', '+'));
        // As long as the key: 128 bytes for 1024 bits, 256 for 2048.
        int block = (key.getModulus().bitLength() + 7) / 8;
        if (joined.length == 0 || joined.length % block != 0) {
            throw new IllegalArgumentException("not a whole number of blocks");
        }
        Cipher cipher = Cipher.getInstance("RSA/ECB/PKCS1Padding");
        cipher.init(Cipher.DECRYPT_MODE, key);
        ByteArrayOutputStream plain = new ByteArrayOutputStream();
        for (int at = 0; at < joined.length; at += block) {
            byte[] piece = cipher.doFinal(joined, at, block);
            plain.write(piece, 0, piece.length);
        }
        // Only here: a character may lie across the border of two blocks.
        return new String(plain.toByteArray(), StandardCharsets.UTF_8);
    }

    /** Reads PKCS#8, as PEM or as the base64 inside it on one line. */
    public static RSAPrivateKey readKey(String text) throws GeneralSecurityException {
        String base64 = text.replaceAll("-----[A-Z ]+-----", "").replaceAll("\\s", "");
        PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(base64));
        return (RSAPrivateKey) KeyFactory.getInstance("RSA").generatePrivate(spec);
    }

    private static byte[] readAll(InputStream in) throws IOException {
        ByteArrayOutputStream all = new ByteArrayOutputStream();
        byte[] buffer = new byte[4096];
        int read;
        while ((read = in.read(buffer)) != -1) {
            all.write(buffer, 0, read);
        }
        return all.toByteArray();
    }
}
