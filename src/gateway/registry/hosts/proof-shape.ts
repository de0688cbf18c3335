import * as z from 'zod';
import { type Claim, fileUrl, proofText, recordName } from './proof.ts';

/** What has to be shown, and where: one of the two is enough. */
export const proofShape = z
  .object({
    text: z.string().meta({ examples: ['weir-verification=5u0Jr1bIVKmCQ2dE7wMzXw'] }),
    dns_name: z.string().meta({ description: 'Whose TXT record may be the text', examples: ['_weir.api.acme.com'] }),
    file_url: z.string().meta({
      description: 'Where the text may be a line of, answered with 200 and without a redirect',
      examples: ['https://api.acme.com/.well-known/weir-verification'],
    }),
  })
  .meta({ id: 'HostProof' });

export const proofToWire = (claim: Claim) => ({
  text: proofText(claim),
  dns_name: recordName(claim),
  file_url: fileUrl(claim),
});
