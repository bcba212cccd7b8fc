// The JDK's XML Signature (Apache Santuario), an implementation that shares nothing with libxml2.
//
// usage: java tests/saml/Oracle.java CERTIFICATE FILE...
//
// For each signature of each file, in document order, one line: the file's name, `good` or `bad`, and the digested
// bytes of its first reference in base64. No key but the certificate's is used.

import java.io.FileInputStream;
import java.io.InputStream;
import java.nio.file.Path;
import java.security.PublicKey;
import java.security.cert.CertificateFactory;
import java.util.Base64;
import java.util.List;
import javax.xml.XMLConstants;
import javax.xml.crypto.KeySelector;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.parsers.DocumentBuilder;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

public class Oracle {
    public static void main(String[] arguments) throws Exception {
        PublicKey key;
        try (InputStream certificate = new FileInputStream(arguments[0])) {
            key = CertificateFactory.getInstance("X.509").generateCertificate(certificate).getPublicKey();
        }
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature(XMLConstants.FEATURE_SECURE_PROCESSING, true);
        DocumentBuilder builder = factory.newDocumentBuilder();
        builder.setErrorHandler(null);
        for (String file : List.of(arguments).subList(1, arguments.length)) {
            String name = Path.of(file).getFileName().toString();
            Document document = builder.parse(file);
            NodeList signatures = document.getElementsByTagNameNS(XMLSignature.XMLNS, "Signature");
            for (int index = 0; index < signatures.getLength(); index++) {
                System.out.println(name + " " + judge(document, (Element) signatures.item(index), key));
            }
        }
    }

    static String judge(Document document, Element element, PublicKey key) {
        try {
            DOMValidateContext context = new DOMValidateContext(KeySelector.singletonKeySelector(key), element);
            context.setProperty("javax.xml.crypto.dsig.cacheReference", true);
            NodeList all = document.getElementsByTagName("*");
            for (int index = 0; index < all.getLength(); index++) {
                Element one = (Element) all.item(index);
                if (one.hasAttributeNS(null, "ID")) context.setIdAttributeNS(one, null, "ID");
            }
            XMLSignature signature = XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context);
            boolean good = signature.validate(context);
            Reference reference = (Reference) signature.getSignedInfo().getReferences().get(0);
            byte[] digested = reference.getDigestInputStream().readAllBytes();
            return (good ? "good " : "bad ") + Base64.getEncoder().encodeToString(digested);
        } catch (Exception error) {
            return "bad " + error.getClass().getSimpleName();
        }
    }
}
